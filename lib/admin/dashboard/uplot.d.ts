/** The listener serves uPlot's own module at this name. */
export { default } from 'uplot'
