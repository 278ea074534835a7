import { ask } from 'waybill:prelude';
export const send = (name, variables, options) => ask('notifications.send', name ?? null, variables ?? null, options ?? null);
export default { send };
