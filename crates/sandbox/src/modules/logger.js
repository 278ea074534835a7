import { log } from 'waybill:prelude';
const at = (level) => (...values) => log(level, values);
export const error = at('error');
export const warn = at('warn');
export const info = at('info');
export const debug = at('debug');
export const trace = at('trace');
export default { error, warn, info, debug, trace, log: info };
