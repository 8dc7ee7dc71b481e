/** Opens the session that a request's cookies name: the same for exchanges and tunnels. */
import type { RequestHead } from '../../transport/exchange-messages.js'
import type { Opened } from '../sessions/session-use.js'
import type { ExchangeContext } from './exchange-context.js'
import { cookieHeaderOf } from './exchange-request.js'
import { isEncrypted } from './proxy-trust.js'

/** @returns what `SessionOpener.open` answers; what it throws counts as unavailable */
export function openSession(
  { sessions, trust }: Pick<ExchangeContext, 'sessions' | 'trust'>,
  head: RequestHead,
): Opened | Promise<Opened> {
  try {
    return sessions.open({
      cookieHeader: cookieHeaderOf(head.rawHeaders),
      encrypted: isEncrypted(head, trust),
    })
  } catch (error) {
    return { type: 'unavailable', error: error instanceof Error ? error : new Error(String(error)) }
  }
}
