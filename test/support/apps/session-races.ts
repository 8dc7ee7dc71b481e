/** A plain listener whose requests can be stopped between what they do to their session. Answers are JSON. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Session } from '../../../lib/index.js'
import { Gates } from '../gates.js'
import type {} from './counter.js'

const gates = new Gates()
/** How session calls went that nobody was answered for, by name. */
const outcomes = new Map<string, string>()

type Step = (req: IncomingMessage, session: Session) => unknown

/** What a request can do to its session. */
const steps: Record<string, Step> = {
  nothing: () => null,
  read: (_req, session) => session.count ?? null,
  write: (_req, session) => {
    session.count = 1000
  },
  /** Assigns what is there already. */
  rewrite: (_req, session) => {
    const { count } = session
    if (count !== undefined) session.count = count
  },
  mark: (_req, session) => {
    session.user = 'marked'
  },
  /** What JSON cannot hold. */
  spoil: (_req, session) => {
    session.user = (() => 'a function') as unknown as string
  },
  save: async (_req, session) => {
    session.count = 1000
    await session.save()
  },
  reload: async (req, session) => {
    await session.reload()
    return req.session.count ?? null
  },
  regenerate: async (req, session) => {
    await session.regenerate()
    return Object.keys(req.session).filter(key => key !== 'cookie')
  },
  login: async (req, session) => {
    await session.regenerate()
    req.session.user = 'ada'
  },
  'regenerate-twice': async (req, session) => {
    await session.regenerate()
    req.session.user = 'the first'
    await req.session.regenerate()
    req.session.user = 'the second'
  },
  'regenerate-at-once': async (req, session) => {
    const both = [session.regenerate(), session.regenerate()]
    await Promise.all(both)
    req.session.user = 'the one'
  },
  'save-and-destroy': async (_req, session) => {
    session.count = 1000
    await Promise.all([session.save(), session.destroy()])
  },
  destroy: (_req, session) => session.destroy(),
  unset: (req, session) => {
    session.count = 1000
    Reflect.set(req, 'session', null)
  },
}

/** Which of those a query asks for, in order. */
async function run(names: string | null, req: IncomingMessage, session: Session): Promise<unknown> {
  let answer: unknown = null
  for (const name of names?.split(',') ?? []) answer = await steps[name]?.(req, session)
  return answer ?? null
}

export default async function listener(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { pathname, searchParams: query } = new URL(req.url ?? '/', 'http://localhost')
  const gate = query.get('gate') ?? ''
  const answer = (value: unknown) => res.end(JSON.stringify(value))
  switch (pathname) {
    case '/waiting':
      res.end(String(gates.waitingAt(gate)))
      return
    case '/open':
      res.end(String(gates.open(gate)))
      return
    case '/outcome':
      answer(outcomes.get(gate) ?? null)
      return
    case '/count': {
      const { session } = req
      session.count = (session.count ?? 0) + 1
      answer(session.count)
      return
    }
    case '/whoami':
      answer(req.session.user ?? null)
      return
    case '/id':
      answer(req.sessionID)
      return
    /** Does something before the gate, and something after it. */
    case '/do': {
      const { session } = req
      await run(query.get('first'), req, session)
      if (gate !== '') await gates.wait(gate)
      answer(await run(query.get('then'), req, session))
      return
    }
    /** Answers at once, and does something after the gate. */
    case '/later': {
      const { session } = req
      await run(query.get('first'), req, session)
      answer('answered')
      await gates.wait(gate)
      const went = run(query.get('then'), req, session)
      outcomes.set(
        gate,
        await went.then(
          () => 'done',
          error => String(error.code),
        ),
      )
      return
    }
    /** As express-session's users write it: the redirect waits for the save. */
    case '/save-then-redirect':
      req.session.user = 'ada'
      req.session.save(error => {
        outcomes.set(gate, error ? String((error as Error & { code?: string }).code) : 'done')
        if (error) res.writeHead(500).end('not saved')
        else res.writeHead(302, { location: '/whoami' }).end()
      })
      return
    default:
      res.writeHead(404).end()
  }
}
