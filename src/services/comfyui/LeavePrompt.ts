/** The reason of an abort that leaves the prompt on its machine, because another server continues it. */
export class LeavePrompt extends Error {
  constructor() {
    super('The prompt is left to another server.');
  }
}
