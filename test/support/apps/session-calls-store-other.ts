/** As session-calls-store, with the other options. */
import { TroupeStore } from '../../../lib/store/index.js'
import { expressOptions } from '../session-options.js'
import { withExpressSession } from '../session-reference.js'
import listener from './session-calls.js'

export default withExpressSession(listener, { ...expressOptions.other, store: new TroupeStore() })
