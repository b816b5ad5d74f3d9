/** The reason of an abort that leaves the prompt on its machine: somebody else goes on with it. */
export class LeavePrompt extends Error {
  constructor() {
    super('The prompt is left to another server.');
  }
}
