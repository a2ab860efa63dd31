import { defineConfig } from 'vitest/config';

/** Tests that load rulesets into a kernel or try many inputs. */
const SLOW = ['kernel', 'property'];
/** In milliseconds. It is for what hangs, not for busy machines. */
const TIMEOUT = 1_200_000;

/** A project for one folder of slow tests. */
function slow(folder: string) {
  return {
    extends: true as const,
    test: { name: folder, include: [`test/${folder}/**/*.test.ts`] },
  };
}

export default defineConfig({
  test: {
    // Kernel tests start many processes each; more workers than CI has cores only makes them time out.
    maxWorkers: 2,
    testTimeout: TIMEOUT,
    hookTimeout: TIMEOUT,
    expect: { poll: { timeout: TIMEOUT / 10 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: SLOW.map((folder) => `test/${folder}/**`),
        },
      },
      ...SLOW.map(slow),
    ],
  },
});
