/** session-calls behind express-session, whose store is Troupe's. */
import { TroupeStore } from '../../../lib/store/index.js'
import { expressOptions } from '../session-options.js'
import { withExpressSession } from '../session-reference.js'
import listener from './session-calls.js'

export default withExpressSession(listener, { ...expressOptions.usual, store: new TroupeStore() })
