// Every code that a problem can carry. Codes are stable: CI of users may match them; none is ever reused.

/** What a code stands for; `docs/problems.md` has one section for each. */
export const PROBLEM_CODES = {
  // Reading: the file itself.
  'unreadable-file': 'a spec file or directory cannot be read',
  'no-specs': 'a directory holds no spec file',
  'file-too-large': 'a spec file is larger than 8 MiB',
  'not-text': 'a spec file is not UTF-8 text',
  'empty-file': 'a spec file holds no app',
  // Reading: YAML and JSON.
  syntax: 'the text is neither YAML nor JSON',
  'duplicate-key': 'a mapping has the same key twice',
  'too-deep': 'lists and mappings are nested too deeply',
  'too-many-aliases': 'YAML aliases expand to too much data',
  // The schema.
  'unknown-key': 'a key that the spec does not have',
  'missing-key': 'a key that the spec needs',
  'wrong-type': 'a value of the wrong type',
  'wrong-value': 'a value outside of what the key allows',
  'not-decimal': 'a number that is not written as a plain decimal',
  // What a schema cannot say.
  'invalid-address': 'text that is not an IP address',
  'unusable-address': 'an address that can be neither endpoint nor destination',
  'invalid-network': 'text that is neither an IP address nor a network in CIDR notation',
  'duplicate-endpoint': 'an endpoint that another app or entry uses already',
  'duplicate-destination': 'a destination that is listed twice in an app',
  'duplicate-app': 'two apps of the same name',
  'endpoint-is-destination': 'an endpoint that is also a destination',
  'family-without-destinations': 'endpoints of an address family that has no destinations',
  'name-collision': 'two names that become the same chain name',
  'too-many-slots': 'weights that need too many slots',
  'not-in-backend': 'something that the other packet filter can do and this one cannot',
  'range-to-one-port': 'a range of ports whose destination has a port of its own',
  'destination-outside-networks': 'a destination that is in none of the destination_networks',
  'snat-is-destination': 'an address that masquerading is to use and that is a destination',
  'too-many-addresses': 'more addresses for masquerading than are of use',
  // Between the specs and an inventory.
  'captures-ssh': 'an endpoint that is where the ssh of a load balancer listens',
  // Warnings: the spec is valid, the outcome may surprise.
  'no-destinations': 'an app that rejects every connection',
  'unused-destinations': 'destinations of an address family that has no endpoints',
  'network-with-host-bits': 'a network written with bits beyond its prefix',
  'family-without-networks': 'endpoints of an address family that nobody may come to',
  'duplicate-address': 'an address for masquerading that is listed twice',
  'unused-family': 'addresses or networks of an address family that has no endpoints',
  'checks-need-role': 'health checks, which the role carries out, of a ruleset that is printed',
  'inventory-not-read': 'an inventory that the endpoints could not be compared with',
} as const;

export type ProblemCode = keyof typeof PROBLEM_CODES;

/** Codes that concern the environment rather than the spec's text: they end with exit code 2. */
export const ENVIRONMENT_CODES: ReadonlySet<ProblemCode> = new Set(['unreadable-file', 'no-specs']);
