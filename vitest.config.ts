import { defineConfig } from 'vitest/config';

/** Tests that load rulesets into a kernel or try many inputs; the timeout is for what hangs, not for busy machines. */
const SLOW = ['kernel', 'property'];
const SLOW_TIMEOUT = 600_000;

/** A project for one folder of slow tests. */
function slow(folder: string) {
  const timeouts = { testTimeout: SLOW_TIMEOUT, hookTimeout: SLOW_TIMEOUT };
  return {
    extends: true as const,
    test: { name: folder, include: [`test/${folder}/**/*.test.ts`], ...timeouts },
  };
}

export default defineConfig({
  test: {
    // Kernel tests start many processes each; more workers than CI has cores only makes them time out.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: SLOW.map((folder) => `test/${folder}/**`),
          testTimeout: 60_000,
        },
      },
      ...SLOW.map(slow),
    ],
  },
});
