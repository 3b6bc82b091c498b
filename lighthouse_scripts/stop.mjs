/** An error that ends the program: one line for a person, and the exit code. */
export class Stop extends Error {
  /** @param {string} message @param {number} exitCode */
  constructor(message, exitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** @param {string} message */
export const usage = (message) => new Stop(`${message} (npm run audit -- --help)`, 2);
