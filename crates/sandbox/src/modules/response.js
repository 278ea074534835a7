import { refuse } from 'waybill:prelude';
const nobody = () => refuse('kUnsupportedOperation', 400, 'nobody waits for a response from the script of an export');
export const write = nobody;
export const setHeader = nobody;
export const setStatusCode = nobody;
export const end = nobody;
export default { write, setHeader, setStatusCode, end };
