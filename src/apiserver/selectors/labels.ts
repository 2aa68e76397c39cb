/** Decides by an object's labels. */
export type LabelMatcher = (labels: Readonly<Record<string, string>> | undefined) => boolean;

/** Being written: a label selector (`a=b,c in (d,e),!f`). @throws PatchbayError `BadRequest`. */
export declare function parseLabelSelector(text: string): LabelMatcher;
