// Pauses this process now and then, as a busy computer does. A test that fails with it depends on timing:
// NODE_OPTIONS="--import ./test/support/pauses.mjs" npx vitest run
const cell = new Int32Array(new SharedArrayBuffer(4));

const pause = (ms) => Atomics.wait(cell, 0, 0, ms);

function next() {
  setTimeout(
    () => {
      const isLong = Math.random() < 0.1;
      pause(isLong ? 200 + 300 * Math.random() : 20 + 130 * Math.random());
      next();
    },
    200 + 1200 * Math.random(),
  ).unref();
}

next();
