/** Sends requests to an admin listener from the host that it is on: it listens on that host's loopback only. */
import { request } from 'undici'
import type { AdminCall, AdminResult } from './admin-link.js'

process.on('message', (call: AdminCall) => void answer(call))

async function answer({ id, url, method }: AdminCall): Promise<void> {
  const { statusCode, body } = await request(url, { method })
  process.send?.({ id, status: statusCode, body: await body.json() } satisfies AdminResult)
}
