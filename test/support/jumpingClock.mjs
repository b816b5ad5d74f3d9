// Loaded into the server before anything else (`node --import`): its wall clock jumps when its parent sends a
// number of milliseconds.
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
// Listening to its parent is no reason for the server to go on.
process.channel?.unref();
