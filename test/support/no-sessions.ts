/** For parts that ask for the sessions of a cluster and are tested without one. */
import { SessionRegister, type Sessions } from '../../lib/transport/session-call-register.js'

const refuse = async (): Promise<never> => {
  throw new Error('there is no cluster in this test')
}

export const noSessions: Sessions = new SessionRegister({ call: refuse, ask: refuse }, {})
