import { PassThrough } from 'node:stream';
import type { Request } from 'express';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchUpload } from '../../src/middleware/pace.js';

const PACE = { minBytesPerSecond: 1000, wholeMs: 60_000 };
const WINDOW_MS = 10_000;

/** An upload of which `arrive` lets bytes arrive. */
function newUpload() {
  const socket = { bytesRead: 0 };
  const body = Object.assign(new PassThrough(), { socket });
  const arrive = (bytes: number) => {
    socket.bytesRead += bytes;
    body.write(Buffer.alloc(bytes));
  };
  return { request: body as unknown as Request, body, arrive };
}

describe('the speed of an upload', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is too low if the client sends too little', () => {
    const { request, body, arrive } = newUpload();
    const onTooSlow = vi.fn();
    watchUpload(request, PACE, onTooSlow);
    for (let n = 0; n < 2; n += 1) {
      arrive(10_000);
      body.read();
      vi.advanceTimersByTime(WINDOW_MS);
    }
    expect(onTooSlow).not.toHaveBeenCalled();
    vi.advanceTimersByTime(WINDOW_MS);
    expect(onTooSlow).toHaveBeenCalledExactlyOnceWith('fewer than 1000 bytes per second arrived');
  });

  it('is not too low while the server does not read what has arrived', () => {
    const { request, body, arrive } = newUpload();
    const onTooSlow = vi.fn();
    watchUpload(request, PACE, onTooSlow);
    arrive(10_000);
    vi.advanceTimersByTime(4 * WINDOW_MS);
    expect(onTooSlow).not.toHaveBeenCalled();
    body.read();
    vi.advanceTimersByTime(WINDOW_MS);
    expect(onTooSlow).toHaveBeenCalledOnce();
  });

  it('does not matter once the time for the whole upload is over', () => {
    const { request, arrive } = newUpload();
    const onTooSlow = vi.fn();
    watchUpload(request, PACE, onTooSlow);
    arrive(10_000);
    vi.advanceTimersByTime(PACE.wholeMs + 1);
    expect(onTooSlow).toHaveBeenCalledExactlyOnceWith('it was not complete after 60 seconds');
  });

  it('is not watched any more after the upload', () => {
    const { request } = newUpload();
    const onTooSlow = vi.fn();
    watchUpload(request, PACE, onTooSlow)();
    vi.advanceTimersByTime(2 * PACE.wholeMs);
    expect(onTooSlow).not.toHaveBeenCalled();
  });
});
