/** Why an input did not arrive, in words that follow its name. None of them tells what the server found inside. */
const WORDS = {
  not_a_url: 'takes an http or https URL without credentials',
  private_address: 'takes no address inside a private network',
  // The same for a name that does not exist, one that leads inside, and a host that does not answer: whoever asks
  // must not learn which names and ports there are in the server's own network.
  no_answer: 'could not be fetched: no public server answered there',
  bad_redirect: 'could not be fetched: it leads to where the server must not go',
  too_many_redirects: 'could not be fetched: it leads on and on',
  bad_status: 'could not be fetched: the answer was not 200',
  encoded: 'could not be fetched: the answer was compressed, which was not asked for',
  too_large: 'could not be fetched: it is too large',
  too_slow: 'could not be fetched: it did not arrive in time',
  cut_off: 'could not be fetched: it ended before it was complete',
} as const;

export type InputProblem = keyof typeof WORDS;

/** An input that a client named by its URL, and that did not come. Its message may be shown to the client. */
export class InputUnreachable extends Error {
  override name = 'InputUnreachable';
  readonly problem: InputProblem;

  /** @param detail what is added to the words, such as the status that came */
  constructor(problem: InputProblem, detail?: string) {
    super(detail === undefined ? WORDS[problem] : `${WORDS[problem]} (${detail})`);
    this.problem = problem;
  }
}
