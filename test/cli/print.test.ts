// pomaloba --input-spec FILE --output-type TYPE [--delete], as the original had it, and what we added.
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { treeOf } from '../support/tree.js';
import { folder, pomaloba, ROOT, shell, spec } from './run.js';

const SAMPLE = join(ROOT, 'examples/sample.json');
const TYPES = ['iptables', 'iptables-rules', 'nftables', 'nftables-rules'] as const;

/** What a product of each type holds, and nothing of the others does. */
const SIGNS = {
  iptables: /^#!\/bin\/sh\n[^]*iptables-restore/,
  'iptables-rules': /^(?!#!\/bin\/sh)[^]*\*nat\n[^]*COMMIT\n/,
  nftables: /^#!\/bin\/sh\n[^]*\bnft\b/,
  'nftables-rules': /^(?!#!\/bin\/sh)[^]*table inet pomaloba-MyApp/,
} as const;

describe('the command line of the original', () => {
  it.each(TYPES)('--output-type %s prints the ruleset of the sample and nothing else', (type) => {
    const { code, stdout, stderr } = pomaloba(['--input-spec', SAMPLE, '--output-type', type]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(SIGNS[type]);
    expect(stdout).toMatch(/[^\n]\n$/);
    for (const address of ['1.2.3.4', '10.0.1.2', '10.0.1.3', '10.0.1.4']) expect(stdout).toContain(address);
  });

  it.each(
    TYPES.flatMap((type) => [
      { type, undo: ['--delete'], says: 'lets the open ones end' },
      { type, undo: ['--delete', '--now'], says: 'at once' },
    ]),
  )('--output-type $type $undo prints a script that undoes it', ({ type, undo, says }) => {
    const { code, stdout, stderr } = pomaloba(['--input-spec', SAMPLE, '--output-type', type, ...undo]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^#!\/bin\/sh\n/);
    expect(stdout.split('\n', 3).join(' ')).toContain(says);
    expect(stdout).toContain(type.startsWith('iptables') ? 'PMLB/MyApp' : 'pomaloba-MyApp');
    expect(shell('sh -n', { input: stdout })).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('iptables is the default of --output-type', () => {
    const named = pomaloba(['--input-spec', SAMPLE, '--output-type', 'iptables']);
    expect(pomaloba(['--input-spec', SAMPLE])).toEqual(named);
  });

  it('--output-type ansible needs a directory', () => {
    const { code, stdout, stderr } = pomaloba(['--input-spec', SAMPLE, '--output-type', 'ansible']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('a role needs a directory\n  hint: add --out DIR');
  });

  it('options may come in any order and as --option=value', () => {
    const plain = pomaloba(['--input-spec', SAMPLE, '--output-type', 'nftables', '--delete']);
    expect(plain.code).toBe(0);
    expect(pomaloba(['--delete', '--output-type=nftables', `--input-spec=${SAMPLE}`])).toEqual(plain);
  });
});

describe('where specs come from', () => {
  const fromFile = (): string => pomaloba(['--input-spec', SAMPLE]).stdout;

  it.each([
    { name: '--input-spec -', args: ['--input-spec', '-'] },
    { name: 'a plain -', args: ['-'] },
    { name: '/dev/stdin', args: ['/dev/stdin'] },
  ])('standard input, by $name', ({ args }) => {
    const input = readFileSync(SAMPLE);
    expect(shell(`cat | $POMALOBA ${args.join(' ')}`, { input: input })).toEqual({
      code: 0,
      stdout: fromFile(),
      stderr: '',
    });
  });

  it('standard input that comes late', () => {
    expect(shell(`(sleep 0.3; cat ${SAMPLE}) | $POMALOBA -`)).toMatchObject({ code: 0, stdout: fromFile() });
  });

  it('a plain argument', () => {
    expect(pomaloba([SAMPLE])).toEqual({ code: 0, stdout: fromFile(), stderr: '' });
  });

  const files = {
    'a.yml': spec('a', 1),
    'b.yaml': spec('b', 2),
    'c.json': '{}',
    '.d.yml': ':',
    'e.txt': ':',
  };
  const ab = ['a.yml', 'b.yaml'];

  it.each([
    { name: 'several --input-spec', args: ab.flatMap((file) => ['--input-spec', file]) },
    { name: 'plain arguments', args: ab },
    { name: 'both', args: ['--input-spec', 'a.yml', 'b.yaml'] },
    { name: 'a directory', args: ['specs'] },
    { name: 'a directory with a slash', args: ['specs/'] },
    { name: 'documents of one file', args: ['both'] },
    { name: 'one file named twice', args: ['a.yml', 'b.yaml', 'a.yml'] },
  ])('several apps, by $name, become one ruleset', ({ args }) => {
    const cwd = folder({
      ...files,
      'specs/a.yml': spec('a', 1),
      'specs/b.yml': spec('b', 2),
      both: `${spec('a', 1)}---\n${spec('b', 2)}`,
    });
    const expected = pomaloba([...ab, '--name', 'lb', '--output-type', 'nftables-rules'], { cwd });
    expect(expected.code).toBe(0);
    expect(pomaloba([...args, '--name', 'lb', '--output-type', 'nftables-rules'], { cwd })).toEqual(expected);
  });

  it('the specs of a directory are those that end in .json, .yaml and .yml, without hidden ones', () => {
    const { stderr } = pomaloba(['validate', '.', '--json'], { cwd: folder(files) });
    expect(stderr).toBe('');
    const { stdout } = pomaloba(['validate', '.', '--json'], { cwd: folder(files) });
    const { problems } = JSON.parse(stdout) as { problems: { file: string }[] };
    expect(new Set(problems.map(({ file }) => file))).toEqual(new Set(['c.json']));
  });
});

describe('--name', () => {
  it('names the ruleset; the app does if there is one', () => {
    expect(pomaloba([SAMPLE, '--output-type', 'nftables-rules']).stdout).toContain('pomaloba-MyApp');
    const named = pomaloba([SAMPLE, '--output-type', 'nftables-rules', '--name', 'edge']);
    expect(named.stdout).toContain('table inet pomaloba-edge');
  });

  it('is needed for several apps', () => {
    const cwd = folder({ 'a.yml': spec('a', 1), 'b.yml': spec('b', 2) });
    expect(pomaloba(['.'], { cwd })).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'pomaloba: the specs hold 2 apps, so the ruleset needs a name of its own\n' +
        '  hint: add --name NAME, for example --name lb\n',
    });
  });

  it.each([
    '',
    ' ',
    '-x',
    '.x',
    'a b',
    'a;reboot',
    '$(reboot)',
    '`x`',
    'a/b',
    'a"b',
    'ä',
    'a\nb',
    'x'.repeat(64),
  ])('%j is refused', (name) => {
    const { code, stdout, stderr } = pomaloba([SAMPLE, `--name=${name}`]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`${JSON.stringify(name)} cannot name a ruleset\n  hint: a name has letters`);
  });
});

describe('--delete', () => {
  it.each(['iptables', 'nftables'])('needs no spec where the ruleset is named: %s', (type) => {
    const undo = (...args: string[]) =>
      pomaloba([...args, '--name', 'lb', '--delete', '--output-type', type]);
    expect(undo()).toEqual(undo(SAMPLE));
    expect(undo()).toMatchObject({ code: 0, stderr: '' });
    expect(pomaloba(['--name', 'lb', '--output-type', type])).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('--out', () => {
  it('leaves a pipe and a device what they are', () => {
    const cwd = folder();
    const { stdout, stderr } = shell(
      'mkfifo pipe; $POMALOBA ' + SAMPLE + ' --out pipe; echo $?; [ -p pipe ] && ls',
      { cwd },
    );
    expect(stdout).toBe('2\npipe\n');
    expect(stderr).toBe('pomaloba: pipe cannot be written: it is not a regular file\n');
  });

  it('writes what else were printed, and says so', () => {
    const cwd = folder();
    expect(pomaloba([SAMPLE, '--out', 'lb.sh'], { cwd })).toEqual({
      code: 0,
      stdout: '',
      stderr: 'lb.sh: written\n',
    });
    expect(readFileSync(join(cwd, 'lb.sh'), 'utf8')).toBe(pomaloba([SAMPLE]).stdout);
    expect(readdirSync(cwd)).toEqual(['lb.sh']);
  });

  it.each([
    { name: 'by its name', args: ['mine.yml'], out: 'mine.yml' },
    { name: 'by another path', args: ['--input-spec', 'specs/../mine.yml'], out: './mine.yml' },
    { name: 'among others', args: ['specs', 'mine.yml', '--name', 'lb'], out: 'specs/a.yml' },
    { name: 'by a symbolic link', args: ['mine.yml'], out: 'link' },
    { name: 'by a hard link', args: ['hard'], out: 'mine.yml' },
    { name: 'from standard input', args: ['- < mine.yml'], out: 'mine.yml' },
  ])('never overwrites a spec that was read: $name', ({ args, out }) => {
    const cwd = folder({ 'mine.yml': spec(), 'specs/a.yml': spec('a', 1) });
    symlinkSync('mine.yml', join(cwd, 'link'));
    linkSync(join(cwd, 'mine.yml'), join(cwd, 'hard'));
    const before = treeOf(cwd);
    expect(shell(`$POMALOBA --out ${out} ${args.join(' ')}`, { cwd })).toEqual({
      code: 2,
      stdout: '',
      stderr: `pomaloba: ${out} is a spec that was read: it cannot be written to\n  hint: name another file\n`,
    });
    expect(treeOf(cwd)).toEqual(before);
  });

  it.each(['000', '022', '077'])('the file may be run by all, with a umask of %s', (umask) => {
    const cwd = folder();
    expect(shell(`umask ${umask}; $POMALOBA ${SAMPLE} --out lb.sh`, { cwd }).code).toBe(0);
    expect((statSync(join(cwd, 'lb.sh')).mode & 0o777).toString(8)).toBe('755');
  });

  it('replaces a file, also one of another mode', () => {
    const cwd = folder({ 'lb.sh': 'old' });
    chmodSync(join(cwd, 'lb.sh'), 0o600);
    expect(pomaloba([SAMPLE, '--out', 'lb.sh'], { cwd }).code).toBe(0);
    expect(readFileSync(join(cwd, 'lb.sh'), 'utf8')).toMatch(/^#!/);
    expect((statSync(join(cwd, 'lb.sh')).mode & 0o777).toString(8)).toBe('755');
  });

  it('into a directory that is not there ends with exit code 2 and leaves nothing', () => {
    const cwd = folder();
    const { code, stdout, stderr } = pomaloba([SAMPLE, '--out', 'no/lb.sh'], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^pomaloba: no\/lb\.sh cannot be written: there is no such directory/);
    expect(stderr).not.toContain('    at ');
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('onto a directory ends with exit code 2 and leaves nothing', () => {
    const cwd = folder();
    mkdirSync(join(cwd, 'lb.sh'));
    const { code, stdout, stderr } = pomaloba([SAMPLE, '--out', 'lb.sh'], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^pomaloba: lb\.sh cannot be written: /);
    expect(readdirSync(cwd)).toEqual(['lb.sh']);
  });

  it.each([
    { name: 'the spec is wrong', args: ['bad.yml'], code: 1 },
    { name: 'the spec is missing', args: ['missing.yml'], code: 2 },
    { name: 'there is no such type', args: [SAMPLE, '--output-type', 'pf'], code: 2 },
    { name: 'the name is wrong', args: [SAMPLE, '--name', '$x'], code: 2 },
  ])('keeps the old file when $name', ({ args, code }) => {
    const cwd = folder({ 'lb.sh': 'old', 'bad.yml': 'app: 1\n' });
    expect(pomaloba([...args, '--out', 'lb.sh'], { cwd })).toMatchObject({ code, stdout: '' });
    expect(readFileSync(join(cwd, 'lb.sh'), 'utf8')).toBe('old');
    expect(readdirSync(cwd).sort()).toEqual(['bad.yml', 'lb.sh']);
  });

  it('keeps the old file when a full disk stops the writing', (ctx) => {
    const cwd = folder();
    const mounted = shell('unshare -rm true', { cwd }).code === 0;
    if (!mounted) ctx.skip('needs user namespaces: run as root');
    const script = `mkdir small && mount -t tmpfs -o size=16k none small && echo old > small/lb.sh;
      { cat /dev/zero > small/fill; } 2> /dev/null; $POMALOBA big.yml --out small/lb.sh; echo "code $?"; cat small/lb.sh; ls small`;
    const destinations = Array.from({ length: 200 }, (_, n) => `  - { ip: 198.51.100.1, port: ${n + 1} }\n`);
    writeFileSync(join(cwd, 'big.yml'), spec() + destinations.join(''));
    const { stdout, stderr } = shell(`unshare -rm bash -c '${script}'`, { cwd });
    expect(stderr).toMatch(/cannot be written: the disk is full/);
    expect(stdout).toBe('code 2\nold\nfill\nlb.sh\n');
  });
});

describe('warnings', () => {
  const warned = spec().replace(/destinations:[^]*/, 'destinations: []\n');

  it('go to standard error, and the product to standard output all the same', () => {
    const { code, stdout, stderr } = pomaloba(['-'], { input: warned });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^#!\/bin\/sh\n/);
    expect(stderr).toMatch(/^<stdin>:5:15 warning no-destinations: .*\n[^]*\n1 warning\n$/);
  });

  it('are in the JSON, and the file of --out is written', () => {
    const cwd = folder();
    const { code, stdout, stderr } = pomaloba(['-', '--json', '--out', 'lb.sh'], { input: warned, cwd });
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({
      problems: [{ code: 'no-destinations', severity: 'warning' }],
    });
    expect(existsSync(join(cwd, 'lb.sh'))).toBe(true);
  });

  it('tell that a ruleset does not check, which is the same as without checks', () => {
    const [plain, checked] = ['', 'health_check: { http: {} }\n'].map((more) =>
      pomaloba(['-', '--output-type', 'nftables'], { input: `${spec()}${more}` }),
    );
    expect(checked?.stdout).toBe(plain?.stdout);
    expect(plain?.stderr).toBe('');
    expect(checked?.stderr).toContain(' warning checks-need-role: ');
  });

  it('of checks are none where something is removed', () => {
    const input = `${spec()}health_check: {}\n`;
    expect(pomaloba(['-', '--delete'], { input }).stderr).toBe('');
  });
});
