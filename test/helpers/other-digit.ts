/** For `replace` of a digit in a signature: a constant would be the same digit now and then. */
export const otherDigit = (digit: string) => (digit === '0' ? '1' : '0');
