// The ways in which a person operates a page.
import { expect } from '../support/browser.js';

/** Operates a page by mouse, and types into its fields. */
export class Mouse {
  constructor(page) {
    this.page = page;
  }

  async press(control) {
    await control.click();
  }

  async fill(field, text) {
    await field.fill(text);
  }

  async tick(box, wanted) {
    await box.setChecked(wanted);
  }

  async choose(select, option) {
    await select.selectOption(option);
  }
}

/** Operates a page by keyboard alone: Tab moves the focus, Enter and Space act. */
export class Keyboard {
  constructor(page) {
    this.page = page;
  }

  /** Presses Tab until the element has the focus, and asserts that the focus is visible. */
  async #reach(target) {
    await expect(target).toBeVisible();
    const focused = () => target.evaluate((element) => element === element.ownerDocument.activeElement);
    for (let presses = 0; !(await focused()); presses += 1) {
      if (presses === 150) throw new Error(`${target} cannot be reached with the Tab key`);
      await this.page.keyboard.press('Tab');
    }
    const outlined = await target.evaluate((element) => {
      // The outline may be drawn around a larger area that belongs to the element.
      const styles = [null, '::before', '::after'].map((part) => getComputedStyle(element, part));
      return styles.some((style) => style.outlineStyle !== 'none' || style.boxShadow !== 'none');
    });
    expect(outlined, `the focus is visible on ${target}`).toBe(true);
  }

  async press(control) {
    await this.#reach(control);
    await this.page.keyboard.press('Enter');
  }

  async fill(field, text) {
    await this.#reach(field);
    await this.page.keyboard.press('ControlOrMeta+A');
    await this.page.keyboard.press('Delete');
    await this.page.keyboard.type(text);
  }

  async tick(box, wanted) {
    await this.#reach(box);
    if ((await box.isChecked()) !== wanted) await this.page.keyboard.press('Space');
  }

  async choose(select, option) {
    await this.#reach(select);
    await this.page.keyboard.type(option);
  }
}
