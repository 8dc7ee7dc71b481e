/** A thread entry that can't even be loaded. */
throw Object.assign(new Error('this module can not be loaded'), { code: 'NO_LOAD' })
