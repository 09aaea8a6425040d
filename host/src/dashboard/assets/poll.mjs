// When the page asks: once a second, one request at a time, later and later if refused, never while hidden. Pure but for the timer that it is given.

const INTERVAL = 1000;
const LONGEST = 15_000;

/** How long to wait after this many failures in a row. */
export function pause(failures) {
  return failures === 0 ? INTERVAL : Math.min(INTERVAL * 2 ** failures, LONGEST);
}

/** Asks again and again. */
export class Poll {
  /**
   * @param {{ ask: () => Promise<void>, failed: (error: Error, again: number) => void, schedule?: typeof setTimeout, cancel?: typeof clearTimeout }} parts
   */
  constructor({ ask, failed, schedule = (run, ms) => setTimeout(run, ms), cancel = (timer) => clearTimeout(timer) }) {
    Object.assign(this, { ask, failed, schedule, cancel, failures: 0, timer: null, asking: false, stopped: true });
  }

  /** Asks now, and from then on. */
  start() {
    this.stopped = false;
    this.now();
  }

  /** Asks nothing more until it is started. */
  stop() {
    this.stopped = true;
    this.cancel(this.timer);
  }

  /** Asks at once instead of when it is time; never twice at a time. */
  async now() {
    if (this.asking || this.stopped) return;
    this.cancel(this.timer);
    this.asking = true;
    try {
      await this.ask();
      this.failures = 0;
    } catch (error) {
      this.failures += 1;
      this.failed(error, pause(this.failures));
    } finally {
      this.asking = false;
    }
    if (!this.stopped) this.timer = this.schedule(() => this.now(), pause(this.failures));
  }
}
