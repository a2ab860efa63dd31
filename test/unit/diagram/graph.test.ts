// What a picture shows, and the formats in which it is text.
import { describe, expect, test } from 'vitest';
import { graphOf } from '../../../src/diagram/graph.js';
import { graphToMermaid } from '../../../src/diagram/mermaid.js';
import { graphToText } from '../../../src/diagram/text.js';
import { explainApps } from '../../../src/explain/facts.js';
import { buildApp } from '../../../src/model/build.js';
import { specsOf } from '../../support/rulesets.js';

const ENDPOINT = { ip: '192.0.2.10', port: 80 };

function app(name: string, destinations: readonly object[], more: object = {}): string {
  const spec = { pomaloba: 1, app: name, endpoints: [ENDPOINT], destinations, ...more };
  return `---\n${JSON.stringify(spec)}\n`;
}

function pictureOf(text: string) {
  return graphOf(explainApps(specsOf(text).map(buildApp)).apps);
}

const FIRST = { ip: '198.51.100.1', port: 30_080 };
const SECOND = { ...FIRST, ip: '198.51.100.2' };
const THIRD = { ...FIRST, ip: '198.51.100.3' };

describe('graphOf', () => {
  test('a destination of several apps is there once, and drained if nobody uses it', () => {
    const { destinations } = pictureOf(
      app('a', [{ ...FIRST, weight: 0 }, { ...SECOND, weight: 0 }, THIRD]) +
        app('b', [FIRST], { endpoints: [{ ...ENDPOINT, port: 81 }] }),
    );
    expect(destinations.map(({ lines, isDrained }) => [...lines, isDrained])).toEqual([
      ['198.51.100.1:30080', false],
      ['198.51.100.2:30080', true],
      ['198.51.100.3:30080', false],
    ]);
  });

  test.each([
    { name: 'shares', destinations: [{ ...FIRST, weight: 3 }, SECOND], labels: ['75.00 %', '25.00 %'] },
    { name: 'a backup', destinations: [FIRST, { ...SECOND, backup: true }], labels: ['100.00 %', 'backup'] },
    {
      name: 'a backup that is the only one left',
      destinations: [
        { ...FIRST, weight: 0 },
        { ...SECOND, backup: true },
      ],
      labels: ['drained', '100.00 %'],
    },
  ])('arrows tell of $name', ({ destinations, labels }) => {
    const { arrows } = pictureOf(app('a', destinations));
    expect(arrows.filter(({ from }) => from === 'pool1').map(({ label }) => label)).toEqual(labels);
  });

  test.each([
    { networks: ['203.0.113.7'], label: '203.0.113.7' },
    {
      networks: ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'],
      label: '192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24',
    },
    {
      networks: ['10.0.0.0/24', '10.0.2.0/24', '10.0.4.0/24', '10.0.6.0/24'],
      label: '10.0.0.0/24, 10.0.2.0/24, and 2 more',
    },
    { networks: ['2001:db8::/32'], label: 'nobody' },
    { networks: ['0.0.0.0/0'], label: '' },
  ])('who may come: $label', ({ networks, label }) => {
    const { arrows } = pictureOf(app('a', [FIRST], { allow_from: networks }));
    expect(arrows.find(({ to }) => to === 'pool1')?.label).toBe(label);
  });

  test('of many endpoints the rest is counted', () => {
    const endpoints = Array.from({ length: 9 }, (_, index) => ({ ...ENDPOINT, port: 80 + index }));
    const { pools } = pictureOf(app('a', [FIRST], { endpoints }));
    expect(pools[0]?.lines).toHaveLength(9);
    expect(pools[0]?.lines.slice(-2)).toEqual(['192.0.2.10:86/tcp', 'and 2 more']);
  });

  test.each(['reject', 'drop'])('without destinations: on_empty %s', (on_empty) => {
    const { pools } = pictureOf(app('a', [], { on_empty }));
    expect(pools[0]?.lines.at(-1)).toBe(`${on_empty}s every connection`);
  });
});

const PICTURE = pictureOf(
  app('shop', [FIRST, { ...SECOND, weight: 0 }, { ...THIRD, backup: true }], {
    allow_from: ['203.0.113.0/24'],
  }) + app('closed', [], { endpoints: [{ ip: '2001:db8::10', port: '8000-8009', protocol: 'udp' }] }),
);

test('as Mermaid', () => {
  // Read by Mermaid 11's own parser once (docs/decisions.md).
  expect(graphToMermaid(PICTURE)).toBe(`flowchart LR
  clients(["clients"])
  subgraph balancer["load balancer"]
    pool1["shop<br/>192.0.2.10:80/tcp"]
    pool2["closed<br/>[2001:db8::10]:8000-8009/udp<br/>rejects every connection"]
  end
  destination1("198.51.100.1:30080")
  destination2("198.51.100.2:30080"):::drained
  destination3("198.51.100.3:30080")
  clients -->|"203.0.113.0/24"| pool1
  pool1 -->|"100.00 %"| destination1
  pool1 -.->|"drained"| destination2
  pool1 -.->|"backup"| destination3
  clients --> pool2
  classDef drained fill:#eee,stroke:#aaa,color:#777
`);
});

test('as text', () => {
  expect(graphToText(PICTURE)).toBe(`clients (203.0.113.0/24) ──▶ shop
  │ 192.0.2.10:80/tcp
  ├── 100.00 % ──▶ 198.51.100.1:30080
  ├──  drained ╌╌╌ 198.51.100.2:30080
  └──   backup ╌╌▶ 198.51.100.3:30080

clients ──▶ closed
    [2001:db8::10]:8000-8009/udp
    rejects every connection
`);
});
