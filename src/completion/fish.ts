import type { Completed, CompletedCommand, CompletedOption, Value } from './commands.js';

/** The script for `pomaloba completion fish | source`. */
export function fishScript({ program, commands }: Completed): string {
  const names = commands.map(({ name }) => name).join(' ');
  const lines = [
    '# Completion for fish: pomaloba completion fish > ~/.config/fish/completions/pomaloba.fish',
    'complete -c pomaloba -e',
    ...commands.map(
      ({ name, description }) =>
        `complete -c pomaloba -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
    ),
    ...linesOf(program, `not __fish_seen_subcommand_from ${names}`),
    ...commands.flatMap((command) => linesOf(command, `__fish_seen_subcommand_from ${command.name}`)),
  ];
  return `${lines.join('\n')}\n`;
}

function linesOf({ options, argument }: CompletedCommand, condition: string): string[] {
  const start = `complete -c pomaloba -n ${quoted(condition)}`;
  return [
    ...(argument === undefined ? [`${start} -f`] : []),
    ...(typeof argument === 'object' ? [`${start} -f -a ${quoted(argument.join(' '))}`] : []),
    // What fish knows it offers, so that hidden options have to stay unknown.
    ...options.filter(({ hidden }) => !hidden).map((option) => `${start} ${optionWords(option)}`),
  ];
}

function optionWords({ names, description, value }: CompletedOption): string {
  const flags = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  return [...flags, ...valueWords(value), `-d ${quoted(description)}`].join(' ');
}

function valueWords(value: Value | undefined): string[] {
  if (value === undefined) return [];
  if (typeof value === 'object') return [`-x -a ${quoted(value.join(' '))}`];
  return [{ file: '-r -F', directory: "-x -a '(__fish_complete_directories)'", text: '-x' }[value]];
}

function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}
