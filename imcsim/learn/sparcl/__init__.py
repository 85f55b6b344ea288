"""SparCL's parts: settings, schedule, masks, importance, data removal, losses."""
