/** Answers after `?ms=N`, and counts in its session. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'

export default async function slow(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { searchParams } = new URL(req.url ?? '/', 'http://localhost')
  await wait(Number(searchParams.get('ms') ?? 0))
  if (req.session !== undefined) req.session.count = (req.session.count ?? 0) + 1
  res.end('answered')
}
