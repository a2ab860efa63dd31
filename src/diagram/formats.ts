// Apart from what draws, which is loaded only where a picture is asked for.

/** What a picture can be printed as, the default first. */
export const FORMATS = ['text', 'mermaid', 'svg'] as const;

export type Format = (typeof FORMATS)[number];
