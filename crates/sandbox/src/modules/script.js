import { script } from 'waybill:prelude';
export default script;
export { script };
