namespace ZeroOneShot.ZeroShot;

/// <summary>A function that looks at the graph of the cells alone, at no image and no weight: it may stand beside others.</summary>
internal interface ILooksAtTheGraph : IRankingFunction;
