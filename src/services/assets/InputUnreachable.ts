/** Why an input did not arrive, as the end of a sentence. None of them reveals anything about the server's network. */
const WORDS = {
  not_a_url: 'must be an http or https URL without credentials',
  private_address: 'must not be an address in a private network',
  // The same for a name that does not exist, one with a private address, and a host that does not respond: clients
  // must not learn which names and ports exist in the server's own network.
  no_answer: 'could not be fetched: no public server responded there',
  bad_redirect: 'could not be fetched: it redirects to an address that is not allowed',
  too_many_redirects: 'could not be fetched: too many redirects',
  bad_status: 'could not be fetched: the status was not 200',
  encoded: 'could not be fetched: the response was compressed, which was not requested',
  too_large: 'could not be fetched: it is too large',
  too_slow: 'could not be fetched: it did not arrive in time',
  cut_off: 'could not be fetched: the response was incomplete',
} as const;

export type InputProblem = keyof typeof WORDS;

/** An input by URL that could not be fetched. The message may be shown to the client. */
export class InputUnreachable extends Error {
  override name = 'InputUnreachable';
  readonly problem: InputProblem;

  /** @param detail added to the message, such as the status */
  constructor(problem: InputProblem, detail?: string) {
    super(detail === undefined ? WORDS[problem] : `${WORDS[problem]} (${detail})`);
    this.problem = problem;
  }
}
