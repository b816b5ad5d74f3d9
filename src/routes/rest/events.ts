import { isAdmin, mayUse } from '../../middleware/authentication.js';
import type { Services } from '../../services/index.js';
import { isBefore, isFinished, type Job } from '../../services/jobs/Job.js';
import type { JobEventKinds } from '../../services/queue/JobEvents.js';
import { breakerView, instanceView } from '../../views/instanceViews.js';
import { type Endpoint, TAGS } from '../Endpoint.js';
import { EventStream } from '../EventStream.js';
import { jobPath, ownJob } from '../ownJob.js';

const EVENTS = ['text/event-stream'];
/** Interval for comparing instances and breakers, ms: the delay of a breaker ends without an event. */
const LOOK_MS = 500;

/** Server-sent events of one job. */
export const jobEventEndpoint: Endpoint = {
  id: 'job_events',
  method: 'get',
  path: '/api/jobs/{id}/events',
  tag: TAGS.jobs,
  summary:
    'Server-sent events of a job: status, progress, then completed, failed or cancelled, each with the whole status. 204 if Last-Event-ID was the last event.',
  access: 'key',
  request: { path: jobPath },
  responses: { 200: { description: 'Events until the job ends.', types: EVENTS } },
  errors: [404],
  handler:
    ({ services }) =>
    async (request, response) => {
      const found = await ownJob(services.manager, request, response);
      if (isFinished(found) && request.get('Last-Event-ID') === eventId(found)) {
        // The client has seen the last event. Any other response would make an EventSource reconnect.
        response.status(204).end();
        return;
      }
      const stream = await EventStream.open(request, response, {
        services,
        isAllowed: (caller) => mayUse(caller, found.request.owner),
      });
      if (stream) await followJob(stream, found.id, services);
    },
};

/** Server-sent events of the whole system. */
export const systemEventEndpoint: Endpoint = {
  id: 'events',
  method: 'get',
  path: '/api/events',
  tag: TAGS.health,
  summary:
    'Server-sent events of the whole system: first every instance and breaker, then job, job_removed, instance and breaker.',
  access: 'admin',
  responses: { 200: { description: 'A stream of events that does not end.', types: EVENTS } },
  handler:
    ({ services }) =>
    async (request, response) => {
      const stream = await EventStream.open(request, response, { services, isAllowed: isAdmin });
      if (stream) followSystem(stream, services);
    },
};

async function followJob(stream: EventStream, id: string, { manager, views }: Services): Promise<void> {
  let last: Job | undefined;
  const send = inOrder(stream, async (job: Job | undefined) => {
    if (!job) return stream.end();
    // The state that was read may be older than a change that arrived in the meantime.
    if (last && (isBefore(job, last) || isAlike(job, last))) return;
    stream.send(eventName(job, last), await views.status(job), eventId(job));
    last = job;
    if (isFinished(job)) stream.end();
  });
  stream.onClose(await manager.events.follow(id, send, () => send(undefined)));
  send(await manager.get(id));
}

function followSystem(stream: EventStream, { manager, views, balancer }: Services): void {
  const send = inOrder(stream, async (told: Job | JobEventKinds['removed']) => {
    if ('why' in told) stream.send('job_removed', { job_id: told.id });
    else stream.send('job', await views.status(told));
  });
  stream.onClose(manager.events.subscribe('changed', send));
  stream.onClose(manager.events.subscribe('removed', send));
  const told = new Map<string, string>();
  const tell = (event: string, key: string, view: object) => {
    const text = JSON.stringify(view);
    if (told.get(`${event} ${key}`) !== text) stream.send(event, view);
    told.set(`${event} ${key}`, text);
  };
  const look = () => {
    for (const instance of balancer.instances) {
      const view = instanceView(instance, undefined, {
        promptsOfOthers: balancer.promptsOfOthers(instance),
      });
      tell('instance', instance.host, view);
      tell('breaker', instance.host, breakerView(instance));
    }
  };
  look();
  const timer = setInterval(look, LOOK_MS);
  stream.onClose(() => clearInterval(timer));
}

/**
 * Returns a function that sends one item after the other, although views are asynchronous. It ends the stream if one
 * fails.
 */
function inOrder<T>(stream: EventStream, send: (what: T) => Promise<void>): (what: T) => void {
  let last = Promise.resolve();
  return (what) => {
    last = last.then(() => send(what)).catch(() => stream.end());
  };
}

/** Returns the event between two records of a job. */
function eventName(job: Job, last: Job | undefined): string {
  if (isFinished(job)) return job.status;
  const isProgress =
    job.status === 'processing' && job.status === last?.status && job.attempts === last.attempts;
  return isProgress ? 'progress' : 'status';
}

/** Changes with every change of the record. */
function eventId({ updatedTime }: Job): string {
  return String(updatedTime);
}

function promptOf(job: Job): string | undefined {
  return job.status === 'processing' ? job.assignment.promptId : undefined;
}

/** Whether two records look the same to a client, except for the time. */
function isAlike(a: Job, b: Job): boolean {
  const seen = (job: Job) => [
    job.status,
    job.attempts,
    job.progress,
    promptOf(job),
    job.status === 'processing' ? job.currentNode : undefined,
  ];
  return JSON.stringify(seen(a)) === JSON.stringify(seen(b));
}
