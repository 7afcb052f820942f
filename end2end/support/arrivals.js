// What has arrived and is not yet looked at. Who asks first waits.

export class Arrivals {
  #waiting = [];
  #arrived = [];
  #total = 0;

  /** How many have arrived in all. */
  get total() {
    return this.#total;
  }

  push(arrival) {
    this.#total += 1;
    const first = this.#waiting.shift();
    if (first) first(arrival);
    else this.#arrived.push(arrival);
  }

  /** The next one, as soon as it is there. The test's own limit ends the wait. */
  next() {
    if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next ones, in the order in which they arrive. */
  async take(count) {
    const taken = [];
    while (taken.length < count) taken.push(await this.next());
    return taken;
  }

  /** What is there, without waiting for more. */
  takeAll() {
    return this.#arrived.splice(0);
  }
}
