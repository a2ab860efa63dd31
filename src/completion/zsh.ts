import {
  type Completed,
  type CompletedCommand,
  type CompletedOption,
  quoted,
  type Value,
} from './commands.js';

/** The script, to be sourced after compinit or to be a file `_pomaloba` in a directory of `fpath`. */
export function zshScript({ program, commands }: Completed): string {
  const described = commands.map(({ name, description }) => quoted(`${name}:${description}`));
  return `#compdef pomaloba
# Completion for zsh; in ~/.zshrc, after compinit: source <(pomaloba completion zsh)
_pomaloba_first() {
  local ret=1
  local -a commands=(
    ${described.join('\n    ')}
  )
  _describe command commands && ret=0
  _files && ret=0
  return ret
}
_pomaloba() {
  local command=
  (( CURRENT > 2 )) && command=$words[2]
  case $command in
${commands.map(commandArm).join('\n')}
    (*)
      ${argumentsOf(program, "'1:command or spec:_pomaloba_first'")} ;;
  esac
}
if [[ $funcstack[1] == _pomaloba ]]; then _pomaloba "$@"; else compdef _pomaloba pomaloba; fi
`;
}

function commandArm(command: CompletedCommand): string {
  return `    (${command.name})
      shift words
      (( CURRENT -= 1 ))
      ${argumentsOf(command)} ;;`;
}

function argumentsOf({ options, argument }: CompletedCommand, ...first: readonly string[]): string {
  const rest = argument === undefined ? [] : [quoted(`*:${argumentName(argument)}:${action(argument)}`)];
  return ['_arguments', ...options.flatMap(optionSpecs), ...first, ...rest].join(' \\\n        ');
}

function argumentName(argument: Value): string {
  return argument === 'file' ? 'spec' : 'argument';
}

function optionSpecs({ names, description, value, hidden }: CompletedOption): string[] {
  const what = `[${description.replaceAll(/[\\\]]/g, '\\$&')}]`;
  const more = value === undefined ? '' : `:value:${action(value)}`;
  // The star: it may be given again.
  return names.map((name) =>
    quoted(`${hidden ? '!' : '*'}${name}${value === undefined ? '' : '='}${what}${more}`),
  );
}

function action(value: Value): string {
  if (typeof value === 'object') return `(${value.join(' ')})`;
  return { file: '_files', directory: '_files -/', text: ' ' }[value];
}
