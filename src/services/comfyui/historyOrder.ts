const NATURAL = new Intl.Collator('en', { numeric: true });

/**
 * Returns the nodes of a history entry in the order in which they probably ran: ComfyUI reads them from a set, so the order of the
 * entry means nothing.
 * @param heard nodes whose messages were received, in the order of the messages
 */
export function inOrder(nodes: readonly string[], heard: ReadonlySet<string>): string[] {
  const all = new Set(nodes);
  const unheard = nodes.filter((id) => !heard.has(id)).sort(compareIds);
  const ordered: string[] = [];
  let next = 0;
  for (const id of heard) {
    if (!all.has(id)) continue;
    for (let one = unheard[next]; one !== undefined && compareIds(one, id) < 0; one = unheard[next]) {
      ordered.push(one);
      next += 1;
    }
    ordered.push(id);
  }
  return [...ordered, ...unheard.slice(next)];
}

/** The inner nodes of an expansion are numbered; later rounds of a loop are nested more deeply. */
function compareIds(a: string, b: string): number {
  return depthOf(a) - depthOf(b) || NATURAL.compare(a, b);
}

function depthOf(id: string): number {
  return id.split('.').length;
}
