/** For `node --import`: makes every thread of a process tell of its memory. */
import { answerFigures } from './thread-figures.js'

answerFigures()
