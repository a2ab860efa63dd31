// Bash is enough, without the package bash-completion. Nothing that was typed is ever expanded.
import { type Completed, type CompletedCommand, quoted } from './commands.js';

/** The script for `source <(pomaloba completion bash)`. */
export function bashScript({ program, commands }: Completed): string {
  const names = commands.map(({ name }) => name);
  return `# Completion for bash; in ~/.bashrc: source <(pomaloba completion bash)
_pomaloba() {
  local IFS=$' \\t\\n' cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} command= words= word
  # Bash takes --option=value apart.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]] && ((COMP_CWORD > 1)); then
    prev=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if ((COMP_CWORD > 1)); then
    case \${COMP_WORDS[1]} in ${names.join(' | ')}) command=\${COMP_WORDS[1]} ;; esac
  fi
  case "$command $prev" in
${[program, ...commands].flatMap(valueArms).join('\n')}
    *)
      case "$command $cur" in
${[program, ...commands].flatMap(wordArms).join('\n')}
        ' '*) ((COMP_CWORD > 1)) || words=${quoted(names.join(' '))} ;;
      esac
      ;;
  esac
  COMPREPLY=()
  for word in $words; do
    if [[ $word == "$cur"* ]]; then COMPREPLY+=("$word"); fi
  done
  # Where nothing is offered, bash offers files; where a command may stand, a spec may stand, too.
  if ((COMP_CWORD == 1 && \${#COMPREPLY[@]} > 0)); then
    compopt -o filenames 2> /dev/null # fails where no TAB was hit: in our tests
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$cur")
  fi
}
complete -o bashdefault -o default -F _pomaloba pomaloba
`;
}

/** The values of options that have a few; where others are due nothing matches, and bash offers files. */
function valueArms({ name, options }: CompletedCommand): string[] {
  return options.flatMap(({ names, value }) =>
    typeof value === 'object'
      ? names.map((option) => `    ${quoted(`${name} ${option}`)}) words=${quoted(value.join(' '))} ;;`)
      : [],
  );
}

/** What may stand where no value is due. */
function wordArms({ name, options, argument }: CompletedCommand): string[] {
  const offered = options.filter(({ hidden }) => !hidden).flatMap(({ names }) => names);
  return [
    `        ${quoted(`${name} -`)}*) words=${quoted(offered.join(' '))} ;;`,
    ...(typeof argument === 'object'
      ? [`        ${quoted(`${name} `)}*) words=${quoted(argument.join(' '))} ;;`]
      : []),
  ];
}
