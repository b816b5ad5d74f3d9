import { createSession } from 'better-sse';
import { requireAdmin } from '../middleware/authentication.js';
import { isFinished } from '../services/jobs/Job.js';
import { breakerView, instanceView } from './instanceViews.js';
import { ownJob } from './ownJob.js';
import { route } from './route.js';
/** Comments that keep proxies from taking a quiet stream for a dead one, ms. */
const HEARTBEAT_MS = 15_000;
/** A reader that has not taken so many bytes is dropped; it may come back and begins with the state as it is then. */
const MAX_BUFFERED_BYTES = 64 * 1024;
/** Between two looks at instances and breakers, ms: a breaker's rest is over by the time, and not by an event. */
const LOOK_MS = 500;
/** Server-sent events: of one job, and of the whole system. */
export function eventRoutes(router, services, views) {
    const { manager } = services;
    const jobEvents = async (request, response) => {
        const found = await ownJob(manager, request, response);
        if (isFinished(found) && request.get('Last-Event-ID') === eventId(found)) {
            // All is told. Any other answer would bring an EventSource back, again and again.
            response.status(204).end();
            return;
        }
        const stream = await openStream(request, response);
        if (stream)
            await followJob(stream, found.id);
    };
    const followJob = async (stream, id) => {
        let last;
        const send = (job) => {
            // The state as it was read may be older than a change that was heard of meanwhile.
            if (last && (job.updatedTime < last.updatedTime || isAlike(job, last)))
                return;
            stream.send(eventName(job, last), views.status(job), eventId(job));
            last = job;
            if (isFinished(job))
                stream.end();
        };
        stream.onClose(manager.events.onChanged(id, send));
        send(await manager.get(id));
    };
    const systemEvents = async (request, response) => {
        const stream = await openStream(request, response);
        if (!stream)
            return;
        stream.onClose(manager.events.onChanged(undefined, (job) => stream.send('job', views.status(job))));
        stream.onClose(manager.events.onRemoved((id) => stream.send('job_removed', { job_id: id })));
        const told = new Map();
        const tell = (event, key, view) => {
            const text = JSON.stringify(view);
            if (told.get(`${event} ${key}`) !== text)
                stream.send(event, view);
            told.set(`${event} ${key}`, text);
        };
        const look = () => {
            for (const instance of services.instances) {
                tell('instance', instance.host, instanceView(instance));
                tell('breaker', instance.host, breakerView(instance));
            }
        };
        look();
        const timer = setInterval(look, LOOK_MS);
        stream.onClose(() => clearInterval(timer));
    };
    route(router, '/api/jobs/:id/events', { get: jobEvents });
    route(router, '/api/events', { get: [requireAdmin, systemEvents] });
}
/** What happened between two records of a job. */
function eventName(job, last) {
    if (isFinished(job))
        return job.status;
    const isProgress = job.status === 'processing' && job.status === last?.status && job.attempts === last.attempts;
    return isProgress ? 'progress' : 'status';
}
/** Changes with every change of the record. */
function eventId({ updatedTime }) {
    return String(updatedTime);
}
function promptOf(job) {
    return job.status === 'processing' ? job.assignment.promptId : undefined;
}
/** Whether a client could not tell one record from the other, but for its time. */
function isAlike(a, b) {
    const seen = (job) => [
        job.status,
        job.attempts,
        job.progress,
        promptOf(job),
        job.status === 'processing' ? job.currentNode : undefined,
    ];
    return JSON.stringify(seen(a)) === JSON.stringify(seen(b));
}
/** Answers with an open stream, or undefined where only the headers were asked for. */
async function openStream(request, response) {
    if (request.method === 'HEAD') {
        response.type('text/event-stream').end();
        return undefined;
    }
    return new EventStream(await createSession(request, response, { keepAlive: HEARTBEAT_MS }), response);
}
/** An open answer that events are written to. */
class EventStream {
    #session;
    #response;
    constructor(session, response) {
        this.#session = session;
        this.#response = response;
    }
    send(event, body, id = '') {
        if (!this.#session.isConnected || this.#response.writableEnded)
            return;
        this.#session.push(body, event, id);
        if (this.#response.writableLength > MAX_BUFFERED_BYTES)
            this.#response.destroy();
    }
    end() {
        this.#response.end();
    }
    /** Calls `listener` once the stream is over, whoever ended it. */
    onClose(listener) {
        if (this.#response.closed)
            listener();
        else
            this.#response.once('close', listener);
    }
}
//# sourceMappingURL=events.js.map