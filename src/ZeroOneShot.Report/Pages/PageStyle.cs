namespace ZeroOneShot.Report;

/// <summary>The style sheet of a page.</summary>
internal static class PageStyle
{
    /// <summary>All of it. Without characters that XML would encode, since HTML reads a style sheet as it stands.</summary>
    public static string Text { get; } = Palette.Both(":root") + Palette.Rules + """
        :root { color-scheme: light dark; }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; }
        header, main, footer { max-width: 1360px; margin: 0 auto; padding: 0 16px; }
        h1 { font-size: 1.6rem; line-height: 1.25; margin: 24px 0 4px; overflow-wrap: anywhere; }
        h2 { font-size: 1.25rem; margin: 40px 0 8px; padding-top: 8px; border-top: 1px solid var(--rule); }
        h3 { font-size: 1rem; margin: 16px 0 4px; }
        p { margin: 6px 0 12px; max-width: 75ch; overflow-wrap: anywhere; }
        a { color: var(--link); }
        a:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
        nav ul { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; margin: 12px 0; padding: 0; }
        .skip { position: absolute; left: -9999px; }
        .skip:focus { position: static; }
        .note { color: var(--soft); }
        .running { border-left: 4px solid var(--link); padding-left: 10px; }
        .warning { border-left: 4px solid var(--bad); padding-left: 10px; }
        .tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 16px 0; padding: 0; list-style: none; }
        .tiles li { background: var(--panel); border: 1px solid var(--rule); border-radius: 8px; padding: 10px 16px; min-width: 130px; }
        .tiles b { display: block; font-size: 1.5rem; line-height: 1.3; }
        .tiles span { color: var(--soft); }
        .side { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 600px), 1fr)); gap: 16px; }
        figure { margin: 0 0 12px; min-width: 0; break-inside: avoid; }
        figcaption { font-weight: 600; margin-bottom: 4px; }
        .scroll { overflow-x: auto; max-width: 100%; }
        figure svg { display: block; max-width: 100%; height: auto; }
        .scroll svg { max-width: max(100%, 560px); height: auto; }
        .small-charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(132px, 1fr)); gap: 10px; }
        .small-charts figcaption { font-weight: 400; font-size: 0.8125rem; color: var(--soft); margin: 0; }
        .legend { display: flex; flex-wrap: wrap; gap: 2px 16px; list-style: none; padding: 0; margin: 0 0 10px; font-size: 0.875rem; }
        .legend svg { vertical-align: middle; margin-right: 6px; }
        table { border-collapse: collapse; font-size: 0.9375rem; margin: 0 0 12px; }
        caption { text-align: left; font-weight: 600; padding: 4px 0; }
        th, td { text-align: left; vertical-align: top; padding: 3px 12px 3px 0; border-bottom: 1px solid var(--rule);
          overflow-wrap: anywhere; }
        thead th { color: var(--soft); font-weight: 600; }
        th[scope=row] { font-weight: 400; max-width: 46ch; min-width: 9ch; }
        th[scope=row] bdi, .name bdi { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 4; overflow: hidden; }
        td { max-width: 70ch; }
        td.wide { max-width: none; }
        .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; overflow-wrap: normal; }
        .names thead .number { white-space: normal; vertical-align: bottom; }
        .names th[scope=row] { white-space: nowrap; }
        .matrix th, .matrix td { padding: 3px 6px; }
        .matrix th { max-width: 12ch; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
        .matrix th[scope=row] { max-width: 22ch; }
        .matrix .cell { text-align: right; color: var(--on-heat); }
        .matrix .self { font-weight: 700; }
        .heat0 { background: var(--paper); } .heat1 { background: var(--h1); } .heat2 { background: var(--h2); }
        .heat3 { background: var(--h3); } .heat4 { background: var(--h4); } .heat5 { background: var(--h5); }
        .matrix .heat0 { color: var(--soft); }
        .pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(128px, 1fr)); gap: 14px; list-style: none; margin: 0;
          padding: 0; }
        .pictures li { font-size: 0.8125rem; line-height: 1.35; min-width: 0; break-inside: avoid; }
        .pictures img { display: block; width: 96px; height: 96px; object-fit: contain; image-rendering: pixelated;
          background: var(--panel); border: 1px solid var(--rule); border-radius: 4px; margin-bottom: 4px; }
        .clip { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
        .good { color: var(--good); } .bad { color: var(--bad); }
        code, pre { font: 0.875rem/1.5 ui-monospace, 'DejaVu Sans Mono', monospace; }
        pre { background: var(--panel); border: 1px solid var(--rule); border-radius: 6px; padding: 10px; white-space: pre-wrap;
          overflow-wrap: anywhere; }
        footer { margin-top: 40px; padding-bottom: 40px; color: var(--soft); }
        @media print {
          :root { color-scheme: light; }
          body { font-size: 10pt; }
          nav, .skip { display: none; }
          .scroll { overflow: visible; }
          th[scope=row] bdi, .name bdi { -webkit-line-clamp: none; }
          .scroll svg { max-width: 100%; height: auto; }
          .matrix { table-layout: fixed; width: 100%; font-size: 8pt; }
          .matrix thead td { width: 20%; }
          .matrix th, .matrix th[scope=row] { max-width: none; }
          h2 { break-after: avoid; }
          tr { break-inside: avoid; }
          * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
        }

        """;
}
