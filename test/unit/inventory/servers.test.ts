// Where ssh goes, by the precedence that Ansible documents: host, then groups from the innermost to all.
import { describe, expect, test } from 'vitest';
import { type Group, sshServers } from '../../../src/inventory/hosts.js';
import { iniGroups } from '../../../src/inventory/ini.js';
import { yamlGroups } from '../../../src/inventory/yaml.js';
import { readDocuments } from '../../../src/read/document.js';

function ofYaml(text: string): string[] | undefined {
  const [document] = readDocuments({ file: 'inventory.yml', text }).documents;
  return servers(document && yamlGroups(document));
}

function ofIni(text: string): string[] | undefined {
  return servers(iniGroups({ file: 'hosts', text }));
}

function servers(groups: readonly Group[] | undefined): string[] | undefined {
  return groups && sshServers(groups).map(({ host, address, port }) => `${host} ${address} ${port}`);
}

describe('YAML', () => {
  test.each([
    ['a host by its name', 'lb: { hosts: { 192.0.2.1: } }', ['192.0.2.1 192.0.2.1 22']],
    ['its variables', 'lb: { hosts: { a: { ansible_host: h, ansible_port: 23 } } }', ['a h 23']],
    ['a port as text', 'lb: { hosts: { a: { ansible_port: "23" } } }', ['a a 23']],
    ['the old names', 'lb: { hosts: { a: { ansible_ssh_host: h, ansible_ssh_port: 23 } } }', ['a h 23']],
    ['those of the group', 'lb: { hosts: { a: }, vars: { ansible_port: 23 } }', ['a a 23']],
    [
      'the host before its group',
      'lb: { hosts: { a: { ansible_port: 24 } }, vars: { ansible_port: 23 } }',
      ['a a 24'],
    ],
    [
      'a group before those above it',
      'all: { vars: { ansible_port: 1 }, children: { up: { vars: { ansible_port: 2 }, children: { lb: { vars: { ansible_port: 3 }, hosts: { a: } } } } } }',
      ['a a 3'],
    ],
    [
      'all, for groups that do not say so',
      'all: { vars: { ansible_port: 1 } }\nlb: { hosts: { a: } }',
      ['a a 1'],
    ],
    [
      'a host in two groups',
      'one: { hosts: { a: { ansible_host: h } } }\ntwo: { hosts: { a: { ansible_port: 5 } } }',
      ['a h 5'],
    ],
    ['no ssh to this host', 'lb: { hosts: { a: { ansible_connection: local } } }', []],
    ['nothing in groups of nothing', 'lb:\nother: { hosts: }', []],
    ['a cycle', 'a: { children: { b: } }\nb: { children: { a: }, hosts: { h: } }', ['h h 22']],
  ])('%s', (_, text, expected) => {
    expect(ofYaml(text)).toEqual(expected);
  });

  test.each(['plugin: x', '[]', 'text'])('not an inventory: %s', (text) => {
    expect(ofYaml(text)).toBeUndefined();
  });
});

describe('INI', () => {
  test.each([
    ['hosts without a group', 'a\nb ansible_port=23\n', ['a a 22', 'b b 23']],
    ['comments and quotes', '; one\n[lb] \na ansible_host="h" # two\n', ['a h 22']],
    ['vars and children', '[up:children]\nlb\n[up:vars]\nansible_port = 23\n[lb]\na\n', ['a a 23']],
    ['an address in brackets', '[lb]\n[2001:db8::1]:2222\n', ['2001:db8::1 2001:db8::1 2222']],
  ])('%s', (_, text, expected) => {
    expect(ofIni(text)).toEqual(expected);
  });

  test.each(['#!/bin/sh\n[lb:vars]\necho\n', '[lb]\nkey=value\n', '{"lb": 1,\n "x=": 2}\n[a:vars]\n{\n'])(
    'not understood: %s',
    (text) => {
      expect(ofIni(text)).toBeUndefined();
    },
  );
});
