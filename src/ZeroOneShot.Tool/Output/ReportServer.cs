using System.Net;
using System.Net.Sockets;
using System.Text;
using ZeroOneShot.Report;

namespace ZeroOneShot.Tool.Output;

/// <summary>Serves a report to this machine alone: one page, which the browser asks for anew every few seconds while the run goes
/// on.</summary>
internal sealed class ReportServer : IDisposable
{
    private const int SecondsBetween = 3, Attempts = 20;

    private readonly HttpListener _listener;
    private readonly Func<RunReport> _read;

    /// <param name="read">Reads the report as it is now.</param>
    /// <param name="port">Where to listen; 0 for any that is free.</param>
    /// <exception cref="ToolException">The port is taken.</exception>
    public ReportServer(Func<RunReport> read, int port)
    {
        _read = read;
        for (var attempt = 1; ; attempt++)
        {
            var chosen = port != 0 ? port : FreePort();
            Address = new Uri($"http://127.0.0.1:{chosen}/");
            _listener = new HttpListener();
            _listener.Prefixes.Add(Address.ToString());
            try
            {
                _listener.Start();
                return;
            }
            catch (Exception e) when (e is HttpListenerException or SocketException)
            {
                if (port != 0 || attempt == Attempts)
                    throw new ToolException(ExitCode.Failed, $"Port {chosen} cannot be listened on ({e.Message}). Give another --port.");
            }
        }
    }

    public Uri Address { get; }

    /// <summary>Answers until it is cancelled.</summary>
    public void Run(CancellationToken cancellationToken)
    {
        using var ending = cancellationToken.Register(_listener.Stop);
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                Answer(_listener.GetContext());
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or IOException or InvalidOperationException)
            {
                // The browser has gone, or this ends.
            }
        }
    }

    public void Dispose() => _listener.Close();

    private void Answer(HttpListenerContext context)
    {
        var (request, response) = (context.Request, context.Response);
        var (status, body, goesOn) = Page(request);
        var content = Encoding.UTF8.GetBytes(body);
        response.StatusCode = status;
        response.ContentType = "text/html; charset=utf-8";
        response.Headers["Cache-Control"] = "no-store";
        response.Headers["X-Content-Type-Options"] = "nosniff";
        response.Headers["X-Frame-Options"] = "DENY";
        if (goesOn)
            response.Headers["Refresh"] = $"{SecondsBetween}";
        response.ContentLength64 = content.Length;
        response.OutputStream.Write(content);
        response.Close();
    }

    // A page of elsewhere may ask a browser here to ask this server, by a name that it makes point here; only the address itself will do.
    private (int Status, string Body, bool GoesOn) Page(HttpListenerRequest request)
    {
        if (request.HttpMethod is not "GET" || request.UserHostName != Address.Authority)
            return (403, "Only GET, and only by the address that was printed.", false);
        if (request.Url?.AbsolutePath is not "/")
            return (404, "There is only the page /.", false);
        try
        {
            var report = _read();
            return (200, report.ToHtml(), report.Running is not null);
        }
        catch (ToolException e)
        {
            return (200, WebUtility.HtmlEncode(e.Message), true);
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
