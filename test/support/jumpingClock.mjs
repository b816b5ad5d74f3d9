// Loaded into the server before anything else (`node --import`): its wall clock jumps by the number of milliseconds that its
// parent sends.
const RealDate = Date;
let offset = 0;

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + offset);
    else super(...given);
  }

  static now() {
    return RealDate.now() + offset;
  }
};

process.on('message', (ms) => {
  offset = ms;
});
// The channel to the parent must not keep the server running.
process.channel?.unref();
