// The completion scripts in the shells that they are for. Each is sourced twice: an rc file may be, too.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folder, pomaloba, type Result, shell } from './run.js';

type Shell = 'bash' | 'zsh' | 'fish';

/** A directory with specs to complete, and the shell's script as `rc`. */
function place(name: Shell): string {
  const { code, stdout, stderr } = pomaloba(['completion', name]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const cwd = folder({ rc: stdout, 'shop.yml': '', 'my shop.yml': '', 'valid.yml': '' });
  mkdirSync(join(cwd, 'specs'));
  return cwd;
}

/** `script` in an environment without anybody's settings. */
function clean(script: string, cwd: string, input = ''): Result {
  const home = { HOME: cwd, XDG_CONFIG_HOME: cwd, XDG_DATA_HOME: cwd, ZDOTDIR: cwd };
  const env = { ...home, TERM: 'dumb', INPUTRC: '/dev/null', HISTFILE: '' };
  return shell(script, { cwd, input, env });
}

/** What is offered for the last of `words`, as bash has split them; what bash itself would offer is not. */
function offered(words: readonly string[], cwd = place('bash')): string[] {
  const script = `source ./rc; source ./rc; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pomaloba
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const args = ['pomaloba', ...words].map((word) => `'${word}'`).join(' ');
  const { code, stdout, stderr } = clean(`set -u; set -- ${args}; ${script}`, cwd);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.split('\n').filter((line) => line !== '');
}

/** What an interactive shell ran, and all that was seen on the terminal, when `lines` were typed; `~` is a TAB. */
function typed(name: 'bash' | 'zsh', lines: readonly string[], cwd = place(name)): string[] {
  const setup = { bash: ':', zsh: 'autoload -U compinit; compinit -u -D' }[name];
  const rc = `${setup}; source ./rc; source ./rc; pomaloba() { printf '<%s>' "$@"; echo; }`;
  clean(`cat > .${name}rc`, cwd, rc);
  const start = { bash: 'bash --noprofile --rcfile .bashrc -i', zsh: 'zsh -d -i' }[name];
  const input = [...lines, 'exit', ''].join('\n').replaceAll('~', '\t');
  const { stdout } = clean(`script -qec '${start}' /dev/null`, cwd, input);
  return [...stdout.matchAll(/<.*>(?=\r*\n)/g)].map(([line]) => line);
}

const TYPES = ['iptables', 'iptables-rules', 'nftables', 'nftables-rules', 'ansible'];

describe('bash', () => {
  it.each([
    { words: ['--output-type', ''], expected: TYPES },
    { words: ['--output-type', 'nft'], expected: ['nftables', 'nftables-rules'] },
    { words: ['--output-type', '='], expected: TYPES },
    { words: ['--output-type', '=', 'a'], expected: ['ansible'] },
    { words: ['--backend', ''], expected: ['nftables', 'iptables'] },
    { words: ['ansible', 'shop.yml', '--backend', 'i'], expected: ['iptables'] },
    { words: ['ansible', '--out'], expected: ['--out'] },
    { words: ['ansible', '--output'], expected: [] },
    { words: ['shop.yml', '--o'], expected: ['--output-type', '--out'] },
    { words: ['--play'], expected: [] },
    { words: ['validate', '--'], expected: ['--input-spec', '--json', '--help'] },
    { words: ['explain', '--'], expected: ['--input-spec', '--json', '--help'] },
    { words: ['exp'], expected: ['explain'] },
    { words: ['completion', ''], expected: ['bash', 'fish', 'zsh'] },
    { words: ['shop.yml', 'val'], expected: [] },
    { words: ['va'], expected: ['validate', 'valid.yml'] },
    { words: ['sho'], expected: [] },
    { words: ['--input-spec', 'va'], expected: [] },
    { words: ['validate', 'va'], expected: [] },
    { words: ['"va'], expected: [] },
  ])('$words are completed with $expected', ({ words, expected }) => {
    expect(offered(words)).toEqual(expected);
  });

  it('nothing that was typed is executed', () => {
    const cwd = place('bash');
    const evil = ['"$(touch x)"', '$(touch x)', '`touch x`', '<(touch x)', ';touch x;'];
    for (const word of evil) {
      offered([word], cwd);
      offered([word, ''], cwd);
      offered(['ansible', word, '--backend', word], cwd);
    }
    expect(existsSync(join(cwd, 'x'))).toBe(false);
  });
});

const LINES = {
  'pomaloba --input-spec sho~': '<--input-spec><shop.yml>',
  'pomaloba my~': '<my shop.yml>',
  'pomaloba shop.yml --out spe~lb.sh': '<shop.yml><--out><specs/lb.sh>',
  'pomaloba validate va~': '<validate><valid.yml>',
  'pomaloba explain va~': '<explain><valid.yml>',
  'pomaloba sch~': '<schema>',
  'pomaloba ansible --backend n~': '<ansible><--backend><nftables>',
  'pomaloba x --backend n~': '<x><--backend><nftables>',
  'pomaloba --output-type=nftables-~': '<--output-type=nftables-rules>',
};

describe.each(['bash', 'zsh'] as const)('%s on a terminal', (name) => {
  it('completes commands, options, values and files', () => {
    expect(typed(name, Object.keys(LINES))).toEqual(Object.values(LINES));
  });

  it('executes nothing that was typed', () => {
    const cwd = place(name);
    expect(typed(name, ['false && pomaloba "$(touch x)" sho~', 'pomaloba sho~'], cwd)).toEqual([
      '<shop.yml>',
    ]);
    expect(existsSync(join(cwd, 'x'))).toBe(false);
  });
});

describe('fish', () => {
  it.each([
    { line: 'pomaloba --input-spec sho', expected: ['shop.yml'] },
    { line: 'pomaloba va', expected: ['valid.yml', 'validate'] },
    { line: 'pomaloba --output-type nft', expected: ['nftables', 'nftables-rules'] },
    { line: 'pomaloba ansible --backend ', expected: ['iptables', 'nftables'] },
    { line: 'pomaloba ansible --out s', expected: ['specs/'] },
    { line: 'pomaloba validate --', expected: ['--help', '--input-spec', '--json'] },
    { line: 'pomaloba exp', expected: ['explain'] },
    { line: 'pomaloba completion ', expected: ['bash', 'fish', 'zsh'] },
    { line: 'pomaloba (touch x) "$(touch x)" my', expected: ['my shop.yml'] },
  ])('$line', ({ line, expected }) => {
    const cwd = place('fish');
    const ask = `source rc; source rc; complete -C '${line}'`;
    const { stdout, stderr } = clean(`fish -c "$(cat)"`, cwd, ask);
    expect(stderr).toBe('');
    const words = stdout.split('\n').map((one) => one.split('\t')[0] ?? '');
    expect(words.filter((word) => word !== '').sort()).toEqual(expected);
    expect(existsSync(join(cwd, 'x'))).toBe(false);
  });
});

it('a shell without a script is a usage error that names those that have one', () => {
  const { code, stdout, stderr } = pomaloba(['completion', 'powershell']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('bash, fish, zsh');
});
