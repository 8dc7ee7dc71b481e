/** Parsers of option values that several commands share. */
import { InvalidArgumentError } from 'commander'

/** @throws InvalidArgumentError, which Commander reports with the option's name. */
export function wholeNumberOption(min: number, max: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`)
  }
}
