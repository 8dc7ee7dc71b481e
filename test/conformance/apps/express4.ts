/** Express 4. */
import { createRequire } from 'node:module'
import type express from 'express'
import type { Express } from 'express'
import type { AppContext } from '../../../lib/index.js'
import { expressApp } from './express.js'
import { placeOf } from './place.js'

// Installed under another name beside Express 5, whose types serve for both.
const express4 = createRequire(import.meta.url)('express4') as typeof express

export const create = (context: AppContext): Express => expressApp(express4, placeOf(context))
