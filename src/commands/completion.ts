// pomaloba completion SHELL: a script that knows the commands, options and values of the program that it is made
// of. It runs nothing at a TAB, so it costs no start of Node, and nothing typed can be executed.
import type { Argument, Command, Option } from 'commander';
import { bashScript } from '../completion/bash.js';
import type { Completed, CompletedCommand, CompletedOption, Value } from '../completion/commands.js';
import { fishScript } from '../completion/fish.js';
import { zshScript } from '../completion/zsh.js';
import type { Outcome } from './outcome.js';

const SCRIPTS = { bash: bashScript, fish: fishScript, zsh: zshScript } as const;

export type Shell = keyof typeof SCRIPTS;

/** The script that completes `program` in `shell`. */
export function completion(program: Command, shell: Shell): Outcome {
  const completed: Completed = {
    program: { ...toCommand(program), name: '' },
    commands: program.commands.map(toCommand),
  };
  return { stdout: SCRIPTS[shell](completed), problems: [] };
}

function toCommand(command: Command): CompletedCommand {
  // commander keeps --help apart from the other options.
  const all = new Set([...command.options, ...command.createHelp().visibleOptions(command)]);
  const [argument] = command.registeredArguments;
  return {
    name: command.name(),
    description: command.description(),
    options: [...all].map(toOption),
    argument: argument && valueOf(argument, argument.name()),
  };
}

function toOption(option: Option): CompletedOption {
  const { long, short, description, hidden, flags } = option;
  const takesValue = option.required || option.optional;
  return {
    names: [long, short].filter((name) => typeof name === 'string'),
    description,
    value: takesValue ? valueOf(option, /<(.*)>/.exec(flags)?.[1]) : undefined,
    hidden,
  };
}

/** `placeholder` is how --help calls the value: `<file>`. */
function valueOf({ argChoices }: Option | Argument, placeholder: string | undefined): Value {
  if (argChoices) return argChoices;
  if (placeholder === 'file' || placeholder === 'directory') return placeholder;
  return placeholder === 'spec' ? 'file' : 'text';
}
