// What there is at a path; src/files/disk.ts looks, the plan only reads.

export type Found =
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'file';
      readonly text: string;
      readonly hash: string;
      readonly executable: boolean;
    }
  /** Something that is never written to, whatever the options: `what` says why. */
  | { readonly kind: 'obstacle'; readonly what: string };
