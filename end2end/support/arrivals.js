// A queue of arrivals, in which a reader waits while it is empty.

export class Arrivals {
  #waiting = [];
  #arrived = [];
  #total = 0;

  /** The number of arrivals so far. */
  get total() {
    return this.#total;
  }

  push(arrival) {
    this.#total += 1;
    const first = this.#waiting.shift();
    if (first) first(arrival);
    else this.#arrived.push(arrival);
  }

  /** The next arrival. The time limit of the test ends a wait in vain. */
  next() {
    if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next `count` arrivals, in their order. */
  async take(count) {
    const taken = [];
    while (taken.length < count) taken.push(await this.next());
    return taken;
  }

  /** Empties the queue, without waiting for more. */
  takeAll() {
    return this.#arrived.splice(0);
  }
}
