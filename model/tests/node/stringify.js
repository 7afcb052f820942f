// Answers each line of input, a document as a JSON string, with one line: the text
// over which receivers compute their signature, and `altered` if a value changed.
'use strict';

const readline = require('node:readline');

/** Compares two decimal texts as numbers, with big integers. */
function sameNumber(left, right) {
  const [a, b] = [left, right].map((text) => {
    const [, sign, whole, fraction = '', exponent = '0'] =
      /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
    return { digits: BigInt(sign + whole + fraction), exponent: Number(exponent) - fraction.length };
  });
  if (a.digits === 0n || b.digits === 0n) return a.digits === b.digits;
  const least = Math.min(a.exponent, b.exponent);
  const scaled = ({ digits, exponent }) => digits * 10n ** BigInt(exponent - least);
  return scaled(a) === scaled(b);
}

/** How many digits a number is written with, zeros at either end left out. */
function digitsOf(text) {
  return text.replace(/[eE].*$/, '').replace(/[-.]/g, '').replace(/^0+|0+$/g, '').length;
}

/** Whether a number, written with as many digits as the text, is the text again. */
function givesBack(value, text) {
  const digits = Math.max(digitsOf(text), 1);
  return digits <= 17 && sameNumber(text, value.toExponential(digits - 1));
}

/** Whether the number that is kept for a text is another one. */
function isAltered(value, text, printed) {
  return !Number.isFinite(value) || !(sameNumber(text, printed) || givesBack(value, text));
}

/** Parses a document and prints it; `printed` is null if it is not JSON. */
function judge(document) {
  let value;
  try {
    value = JSON.parse(document);
  } catch {
    return { printed: null };
  }
  const printed = JSON.stringify(value);
  if (typeof value === 'number') {
    return { printed, altered: isAltered(value, document.trim(), printed) };
  }
  if (typeof value === 'string') {
    return { printed, altered: !value.isWellFormed() };
  }
  return { printed };
}

readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => process.stdout.write(`${JSON.stringify(judge(JSON.parse(line)))}\n`));
