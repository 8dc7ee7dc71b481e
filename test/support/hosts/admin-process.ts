/** Sends requests to an admin listener from the host that it is on: it listens on that host's loopback only. */
import { request } from 'undici'
import type { AdminCall, AdminResult } from './admin-link.js'

process.on('message', (call: AdminCall) => void answer(call))

async function answer({ id, url, method, body }: AdminCall): Promise<void> {
  process.send?.({ id, ...(await ask(url, method, body)) } satisfies AdminResult)
}

async function ask(
  url: string,
  method: 'GET' | 'POST',
  body: string | null,
): Promise<Omit<AdminResult, 'id'>> {
  try {
    const headers = body === null ? {} : { 'content-type': 'application/json' }
    const answered = await request(url, { method, body, headers })
    const text = await answered.body.text()
    return { status: answered.statusCode, body: text.startsWith('{') ? JSON.parse(text) : text }
  } catch (error) {
    return { status: 0, body: String(error) }
  }
}
