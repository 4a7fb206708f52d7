#include "workers/capture/capture.h"
bool
capture_flow_run(struct capture *capture, struct error *err)
{
    (void)capture;
    return error_permanent(err, "not yet");
}
